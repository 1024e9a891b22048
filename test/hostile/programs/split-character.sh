# The three bytes of a euro sign, a second between the second and the third.
printf '\342\202'
sleep 1
printf '\254'
