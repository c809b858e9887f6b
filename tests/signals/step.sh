prepare() { :; }
check() { [ -e "$d/made/$step" ]; }
proved() { check; }
undo() { printf 'rm -f %s\n' "$d/made/$step"; }
apply() {
    mark op 0
    echo "at work on $step"
    : >"$d/began/$step"
    if [ -e "$d/slow/$step" ]; then
        while [ ! -e "$d/go" ]; do sleep 0.02; done
    fi
    : >"$d/made/$step"
}
