# Ends at once; what it leaves behind holds its output open.
sleep 620035 &
echo started
