#!/bin/sh
# What sshd runs in place of a root shell: whatever program comes is run for real, with slipway's places on the host in the directory D, but for
# what a step does there. Each step is a small one of its own instead, which is told by files what to do:
#   D/slow/STEP    it goes on until D/go is there
#   D/began/STEP   it has begun      D/made/STEP   it is done
# A survey is answered from D/facts; with D/mute, it never is. Nor is any program that has the words in D/mute-to.
d=$(cd "$(dirname "$0")" && pwd)
program=$d/programs/$$
mkdir -p "$d/programs" "$d/slow" "$d/began" "$d/made"
cat >"$program"
# The words by which the caller knows that its shell is there.
head -n 1 "$program" >"$program.first"
. "$program.first"
if [ -e "$d/mute-to" ] && grep -qFf "$d/mute-to" "$program"; then
    while [ -e "$d/mute-to" ]; do echo >"$d/asked" && sleep 0.1; done
fi
case $(cat "$program") in
*survey-end*)
    while [ -e "$d/mute" ]; do echo >"$d/asked" && sleep 0.1; done
    nonce=$(sed -n "s/^NONCE='\([^']*\)'.*/\1/p" "$program" | head -n 1)
    ! grep -q '^probe$' "$program" || sed "s/^n0nce/$nonce/" "$d/facts"
    awk -v nonce="$nonce" -v made="$d/made/" '
        /^# [^ ]+\/[^ ]+\/[^ ]+$/ { split($2, part, "/"); step = part[2] "." part[3] }
        /^printf .%s check [0-9a-f]+ / {
            split($0, word, " ")
            is_made = (getline line <(made step))
            print nonce, "check", word[4], (is_made >= 0 ? 1 : 0)
        }' "$program"
    echo "$nonce survey-end"
    exit
    ;;
esac
# What a step does instead stands before its call.
awk -v step="$d/step.sh" -v d="$d" -v quote="'" '
    /^run_step/ {
        split($0, part, quote)
        print "step=" (/^run_step_within/ ? part[4] : part[2]) " d=" d
        while ((getline line <step) > 0) print line
        close(step)
    }
    { sub(/STATE=\/var\/lib\/slipway/, "STATE=" d "/state"); sub(/RUN=\/run\/slipway/, "RUN=" d "/run"); print }' "$program" >"$program.moved"
exec sh "$program.moved"
