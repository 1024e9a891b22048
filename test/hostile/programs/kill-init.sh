# Kills and stops process 1.
kill -9 1
kill -STOP 1
kill -9 -- -1 2>/dev/null
echo ok
