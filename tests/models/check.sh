#!/bin/sh
# check.sh - have spin search all states of a model, and find each planted mistake
#
#     check.sh model.pml folder mistakes [options of spin]
#
# Exit code 0: the model holds and notices each mistake; 77: spin or a compiler is missing.
model=$1 folder=$2 mistakes=$3
shift 3
for tool in spin cc; do
    command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
mkdir -p "$folder" && cd "$folder" || exit 1

# Prints the number of errors that were found.
search() {
    rm -f pan pan.*
    spin "$@" -a "$model" >spin.log 2>&1 && cc -O1 -w -DSAFETY -o pan pan.c >cc.log 2>&1 || return 1
    ./pan -m1000000 >pan.log 2>&1
    sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log
}

errors=$(search -DMISTAKE=0 "$@")
grep -h 'states, stored' pan.log
[ "$errors" = 0 ] && ! grep -q 'max search depth too small' pan.log || {
    echo "the model does not hold"; cat spin.log cc.log pan.log; exit 1; }
mistake=1
while [ $mistake -le "$mistakes" ]; do
    errors=$(search -DMISTAKE=$mistake "$@")
    [ -n "$errors" ] && [ "$errors" != 0 ] || {
        echo "mistake $mistake is not noticed"; cat spin.log cc.log pan.log; exit 1; }
    mistake=$((mistake + 1))
done
echo "holds, and $mistakes planted mistakes are noticed"
