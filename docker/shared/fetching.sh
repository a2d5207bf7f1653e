# Sourced by the recipes: where to fetch from, trusting whom, and a Debian root file system from packages.

# A certificate authority of the host's is mounted at build time and never becomes part of an image.
if [ -s /run/secrets/ca ]; then
    export SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca CARGO_HTTP_CAINFO=/run/secrets/ca
    printf 'Acquire::https::CaInfo "/run/secrets/ca";\n' > /tmp/apt-ca.conf
else
    : > /tmp/apt-ca.conf
fi
export APT_CONFIG=/tmp/apt-ca.conf DEBIAN_FRONTEND=noninteractive

# archive_of SUITE: the base URI from which this machine's apt gets SUITE
archive_of() {
    apt-get --print-uris update | sed -n "s#^'\(.*\)/dists/$1/InRelease' .*#\1#p" | head -n 1
}

# debian_sources SUITE: one-line-style sources of a suite with its updates and security fixes
debian_sources() {
    archive=$(archive_of trixie)
    security=$(archive_of trixie-security)
    printf 'deb %s %s main\n' "$archive" "$1"
    [ "$1" = sid ] && return
    printf 'deb %s %s-updates main\n' "$archive" "$1"
    [ -z "$security" ] || printf 'deb %s %s-security main\n' "$security" "$1"
}

# bootstrap ARGUMENTS...: mmdebstrap in a container that has no right to mount. A root that comes from a registry
# has neither it nor pip yet.
bootstrap() {
    if ! command -v mmdebstrap > /dev/null || ! command -v pip > /dev/null; then
        apt-get -qq update
        apt-get -qq install --yes --no-install-recommends ca-certificates mmdebstrap python3-pip
    fi
    mmdebstrap --mode=root --variant=apt --skip=chroot/mount,chroot/policy-rc.d --format=directory \
        --aptopt='Apt::Install-Recommends "0"' --aptopt='Acquire::Languages "none"' \
        --aptopt='Acquire::Retries "5"' "$@"
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
