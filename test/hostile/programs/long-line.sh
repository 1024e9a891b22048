# One line without an end.
head -c "$1" /dev/zero | tr '\0' x
