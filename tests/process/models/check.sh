#!/bin/sh
# check.sh MODEL BUGS - the model holds, and finds each of its planted mistakes 1 to BUGS.
# EXCEPT in the environment: planted mistakes that are only wasteful and show no error.
set -eu
model=$1
bugs=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$model" "$folder/model.pml"
cd "$folder"
bug=0
while [ "$bug" -le "$bugs" ]; do
    spin -DBUG=$bug ${DEFINES:-} -a model.pml >/dev/null
    cc -O2 -w -DSAFETY -DVECTORSZ=4096 -DCOLLAPSE -o pan pan.c
    ./pan -m500000 -w22 >log 2>&1 || true
    errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' log)
    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' log)
    echo "mistake $bug: $errors errors, $states states"
    grep -q "max search depth too small\|out of memory" log && { cat log; exit 1; }
    expected=1
    [ "$bug" -eq 0 ] && expected=0
    case " ${EXCEPT:-} " in *" $bug "*) expected=0 ;; esac
    [ "${errors:-x}" = "$expected" ] || { cat log; exit 1; }
    bug=$((bug + 1))
done
