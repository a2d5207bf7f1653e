# Sourced by the recipes: where to fetch from, trusting whom, and a Debian root file system from packages.

# A certificate authority of the host's is mounted at build time and never becomes part of an image.
if [ -s /run/secrets/ca ]; then
    export SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca CARGO_HTTP_CAINFO=/run/secrets/ca
    printf 'Acquire::https::CaInfo "/run/secrets/ca";\n' > /tmp/apt-ca.conf
else
    : > /tmp/apt-ca.conf
fi
export APT_CONFIG=/tmp/apt-ca.conf DEBIAN_FRONTEND=noninteractive

# archive_of PATTERN: the base URI from which the apt of this image gets a suite that is named so
archive_of() {
    apt-get --print-uris update | sed -n "s#^'\(.*\)/dists/$1/InRelease' .*#\1#p" | head -n 1
}

# Debian's own archives, which images name, and those that this build fetches from: a mirror is where DEBIAN_MIRROR
# and DEBIAN_SECURITY_MIRROR say one, and is used by this container's apt alone.
OWN_ARCHIVE=$(archive_of '[^/-]*')
OWN_SECURITY=$(archive_of '[^/]*-security')
ARCHIVE=${DEBIAN_MIRROR:-$OWN_ARCHIVE}
SECURITY=${DEBIAN_SECURITY_MIRROR:-$OWN_SECURITY}

# sources_of SUITE ARCHIVE SECURITY: one-line-style sources of a suite with its updates and security fixes
sources_of() {
    printf 'deb %s %s main\n' "$2" "$1"
    [ "$1" = sid ] && return
    printf 'deb %s %s-updates main\n' "$2" "$1"
    [ -z "$3" ] || printf 'deb %s %s-security main\n' "$3" "$1"
}

# debian_sources SUITE: where this build gets a suite from
debian_sources() {
    sources_of "$1" "$ARCHIVE" "$SECURITY"
}

if [ "$ARCHIVE $SECURITY" != "$OWN_ARCHIVE $OWN_SECURITY" ]; then
    rm -f /etc/apt/sources.list.d/*
    debian_sources trixie > /etc/apt/sources.list
fi

# A mirror of Rust's crate registry, for cargo with its home at /tmp/cargo
if [ -n "${CARGO_INDEX:-}" ]; then
    mkdir -p /tmp/cargo
    printf '[source.crates-io]\nreplace-with = "mirror"\n[source.mirror]\nregistry = "%s"\n' "$CARGO_INDEX" \
        > /tmp/cargo/config.toml
fi

DEBS="python3 /recipe/debs"
mkdir -p /tmp/pins
export DEBIAN_ARCHIVE="$ARCHIVE" DEBIAN_SECURITY="$SECURITY"

# lists_of SOURCES PLACE [ARCHITECTURE]: fetch what a file of sources has to PLACE, as if nothing were installed. APT_LISTS
# then are the options with which apt looks at nothing else.
lists_of() {
    mkdir -p "$2/partial"
    : > "$2.status"
    APT_LISTS="-o Dir::State::status=$2.status -o Dir::State::Lists=$2 -o Dir::Etc::SourceList=$1 -o Dir::Etc::SourceParts=-
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Acquire::Retries=5 -o Acquire::Languages=none
        -o APT::Sandbox::User=root ${3:+-o APT::Architecture=$3 -o APT::Architectures=$3}"
    # shellcheck disable=SC2086  # APT_LISTS is a list of words
    $DEBS update -- $APT_LISTS
}

# pinned SET SUITE: the packages that the pins name for SET, in a repository at /tmp/debs/SET. Fails where there are no
# pins, or not all files can be had any more; with PINS=strict that is the end.
pinned() {
    # The pins are being made, or another archive is being tried
    case ${PINS:-follow} in refresh | ignore) return 1 ;; esac
    if [ ! -s "/recipe/pins/$1.txt" ]; then
        echo "there are no pins for $1" >&2
    elif $DEBS fetch --suite "$2" "/recipe/pins/$1.txt" "/tmp/debs/$1"; then
        return 0
    fi
    [ "${PINS:-follow}" != strict ] || { echo "not pinned: $1, and images.pins is strict" >&2; exit 87; }
    echo "not pinned: $1 is made of what the archive has today"
    : > /tmp/followed
    return 1
}

# resolved SET SUITE HOW PACKAGES...: what apt with APT_LISTS takes for packages, in a repository at /tmp/debs/SET: them and
# all that they depend on (whole), or just them (only)
resolved() {
    set_of=$1 suite_of=$2 how=$3
    shift 3
    # shellcheck disable=SC2086  # APT_LISTS is a list of words
    $DEBS resolve --how "$how" --list "/tmp/pins/$set_of.txt" --packages "$@" -- $APT_LISTS
    [ "${PINS:-follow}" = refresh ] || $DEBS fetch --today --suite "$suite_of" "/tmp/pins/$set_of.txt" "/tmp/debs/$set_of"
}

# repository_of SET: a source for just the packages of SET. What is in it was held against its sha256.
repository_of() {
    echo "deb [trusted=yes] copy:/tmp/debs/$1 ./"
}

# essential SUITE: what every root file system of a suite has, in apt's patterns
essential() {
    echo "?narrow(?or(?archive(^$1\$),?codename(^$1\$)),?essential)"
}

# taken: all packages have been asked for. Who makes pins wants to know no more.
taken() {
    [ "${PINS:-follow}" != refresh ] || exit 0
}

# A root that comes from a registry has neither mmdebstrap nor Python yet; toolchain images need neither mmdebstrap nor pip.
if [ ! -e /opt/xbuild/manifest.json ] && ! { command -v mmdebstrap && command -v pip; } > /dev/null; then
    apt-get -qq update
    apt-get -qq install --yes --no-install-recommends ca-certificates mmdebstrap python3-pip
fi

# bootstrap SUITE ROOT SET ARGUMENTS...: mmdebstrap in a container that has no right to mount, from the packages of SET
bootstrap() {
    suite=$1
    root=$2
    repository_of "$3" > /tmp/sources
    shift 3
    # mmdebstrap does not look at APT_CONFIG
    [ ! -s /tmp/apt-ca.conf ] || set -- --aptopt=/tmp/apt-ca.conf "$@"
    mmdebstrap --mode=root --variant=apt --skip=chroot/mount,chroot/policy-rc.d --format=directory \
        --aptopt='Apt::Install-Recommends "0"' --aptopt='Acquire::Languages "none"' \
        "$@" "$suite" "$root" - < /tmp/sources
    sources_of "$suite" "$OWN_ARCHIVE" "$OWN_SECURITY" > "$root/etc/apt/sources.list"
}

# tidy ROOT: files that differ from one bootstrap to the next although the packages are the same
tidy() {
    rm -rf "$1"/var/log/* "$1"/var/cache/apt/* "$1"/var/cache/debconf/*-old "$1"/var/cache/ldconfig/* \
        "$1"/var/lib/apt/lists/* "$1"/var/lib/dpkg/*-old "$1"/tmp/* "$1"/run/* "$1"/etc/apt/apt.conf.d/99mmdebstrap \
        "$1"/root/.cache
    : > "$1/etc/machine-id"
    : > "$1/etc/resolv.conf"
    rm -f "$1/etc/hostname"
    find "$1" -name __pycache__ -prune -exec rm -rf {} +
}

# debian_architecture TRIPLE: Debian's name of a target's architecture
debian_architecture() {
    case $1 in
    x86_64-*) echo amd64 ;;
    aarch64-*) echo arm64 ;;
    *) echo "no Debian architecture known for $1" >&2; return 1 ;;
    esac
}
