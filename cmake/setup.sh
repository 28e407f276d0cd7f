# setup.sh - what ./demo and ./check share: packages and the build.  Read with `.`.

# setup_packages NAME... - install those Debian packages that are not there; root only if some are missing.
setup_packages() {
    missing=
    for package in "$@"; do
        case "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" in
        "install ok installed") ;;
        *) missing="$missing $package" ;;
        esac
    done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || {
        echo "These packages are missing, and there is no apt-get to install them:$missing" >&2
        exit 1
    }
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        as_root=sudo
        command -v sudo >/dev/null || {
            echo "Run this once as root: apt-get install$missing" >&2
            exit 1
        }
        echo "Installing$missing (sudo may ask for your password)"
    fi
    # shellcheck disable=SC2086
    {
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
        $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -q -y --no-install-recommends $missing
    } >&2
}

# setup_build PRESET [CMAKE OPTION...] - configure build/PRESET once, and bring it up to date.
setup_build() {
    preset=$1
    shift
    mkdir -p "build/$preset"
    if [ ! -f "build/$preset/build.ninja" ]; then
        cmake --preset "$preset" "$@" >"build/$preset/configure.log" 2>&1 || {
            cat "build/$preset/configure.log" >&2
            exit 1
        }
    fi
    cmake --build "build/$preset"
}
