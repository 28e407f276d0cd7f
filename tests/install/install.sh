#!/bin/sh
# install.sh SOURCE WORK CMAKE GENERATOR CC - build and install sheaf, then use it from outside
#
# The build in WORK is kept, so that a second run of the test is quick.
set -eu
source=$1 work=$2 cmake=$3 generator=$4 CC=$5
export CC
prefix=$work/prefix
here=$source/tests/install

fail()
{
    echo "install: $*" >&2
    exit 1
}

# same EXPECTED COMMAND...
same()
{
    expected=$1
    shift
    got=$("$@") || fail "$* failed"
    [ "$got" = "$expected" ] || fail "$*: expected
$expected
got
$got"
}

mkdir -p "$work"
rm -rf "$prefix" "$work/outside" "$work/cache"
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME

echo "build and install"
# -O0: it is the installation that is tried here.
"$cmake" -S "$source" -B "$work/build" -G "$generator" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_INSTALL_PREFIX="$prefix" \
    -DCMAKE_INSTALL_LIBDIR=lib -DSHEAF_TESTS=OFF -DSHEAF_BENCH=OFF > "$work/log" 2>&1 || {
    cat "$work/log"
    fail "configuring"
}
"$cmake" --build "$work/build" -j 2 > "$work/log" 2>&1 || {
    tail -n 30 "$work/log"
    fail "building"
}
"$cmake" --install "$work/build" > "$work/log" 2>&1 || {
    cat "$work/log"
    fail "installing"
}
for file in bin/sheaf include/sheaf/operator.h include/sheaf/sheaf.h lib/libsheaf.so lib/pkgconfig/sheaf.pc \
    lib/cmake/sheaf/sheafConfig.cmake lib/cmake/sheaf/SheafOperator.cmake; do
    [ -e "$prefix/$file" ] || fail "$file is not installed"
done

echo "what the library shows"
others=$(nm -D --defined-only "$prefix/lib/libsheaf.so" | awk '{ print $3 }' | sed 's/@.*//' |
    grep -v -e '^sheaf_' -e '^SHEAF_' || true)
[ -z "$others" ] || fail "the library shows $others"

echo "each header compiles alone, in C and in C++"
for header in "$prefix"/include/sheaf/*.h; do
    echo "#include \"$header\"" | "$CC" -std=c11 -Wall -Wextra -Werror -I"$prefix/include" -fsyntax-only -x c - ||
        fail "$header alone"
    if command -v c++ > /dev/null; then
        echo "#include \"$header\"" | c++ -I"$prefix/include" -fsyntax-only -x c++ - || fail "$header in C++"
    fi
done

echo "an outside project, by CMake"
cp -r "$here/outside" "$work/outside"
cp "$source/datasets/small/orders.csv" "$work/outside"
cd "$work/outside"
"$cmake" -S . -B build -G "$generator" -DCMAKE_PREFIX_PATH="$prefix" > "$work/log" 2>&1 &&
    "$cmake" --build build >> "$work/log" 2>&1 || {
    cat "$work/log"
    fail "the outside project"
}
expected='customer,most
ada,10.5
bob,3
"Carol, Ltd",100'
same "$expected" build/outside orders.csv

echo "an outside program, by pkg-config"
PKG_CONFIG_PATH=$prefix/lib/pkgconfig
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion sheaf)" = "$("$prefix/bin/sheaf" --version | cut -d ' ' -f 2)" ] || fail "versions differ"
# shellcheck disable=SC2046
"$CC" -std=c11 -D_GNU_SOURCE -DSHEAF_BUILT_IN main.c most.c $(pkg-config --cflags --libs sheaf) \
    -Wl,-rpath,"$prefix/lib" -o outside
same "$expected" ./outside orders.csv

echo "the installed command, with operators from outside"
same "$expected" "$prefix/bin/sheaf" run build/most.so orders.csv --by customer
same "$expected" "$prefix/bin/sheaf" run most.c orders.csv --by customer

# It was the installed headers that most.c was compiled with.
mv "$prefix/include" "$prefix/away"
rm -rf "$work/cache"
if "$prefix/bin/sheaf" run most.c orders.csv > "$work/log" 2>&1; then
    fail "an operator compiles without the installed headers"
fi
grep -q '^sheaf: .*(E7' "$work/log" || fail "no message: $(cat "$work/log")"
mv "$prefix/away" "$prefix/include"
echo "all as it should be"
