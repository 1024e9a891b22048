# Closes its output long before its end.
exec >&- 2>&-
sleep 0.2
exit 7
