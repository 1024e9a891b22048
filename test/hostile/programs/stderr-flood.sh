# A word on stdout, a flood on stderr.
echo kept
yes | head -c "$1" >&2
