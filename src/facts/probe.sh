printf "unfinished\n"
