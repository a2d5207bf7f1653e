# Sourced by the recipes of tester images, after fetching.sh. Their root file systems are unpacked, not installed: no
# package's script runs, so a foreign architecture needs no emulation here, and only interpreters are in them.

# packages SUITE ARCH SET HOW NAMES...: packages, in /tmp/debs/SET, and all that they depend on (whole) or not (only)
packages() {
    suite=$1 arch=$2 set=$3 how=$4
    shift 4
    pinned "$set" "$suite" && return
    # bullseye is no longer supported: its security updates are being taken down, and its index still names them
    debian_sources "$suite" | sed '/ bullseye-security /d' > "/tmp/sources-$suite"
    lists_of "/tmp/sources-$suite" "/tmp/lists-$suite" "$arch"
    resolved "$set" "$suite" "$how" "$@"
}

# unpack ROOT LEFT_OUT PACKAGES...: unpack packages without the patterns in the file LEFT_OUT, and note their versions
unpack() {
    root=$1 left_out=$2
    shift 2
    mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64"
    for name in bin sbin lib lib64; do [ -L "$root/$name" ] || ln -s "usr/$name" "$root/$name"; done
    for package in "$@"; do
        dpkg-deb --fsys-tarfile "$package" |
            tar --extract --directory "$root" --keep-directory-symlink --no-same-owner \
                --exclude-from /recipe/left-out-everywhere.txt --exclude-from "$left_out"
        dpkg-deb --show --showformat='${Package}:${Architecture}=${Version}\n' "$package" >> /tmp/unpacked
    done
}

# finish ROOT NAME ARGUMENTS...: pytest and what it needs, users, mount points, and the manifest
finish() {
    root=$1 name=$2
    shift 2
    pip install --quiet --no-deps --no-compile --require-hashes --no-cache-dir --disable-pip-version-check \
        --only-binary=:all: --break-system-packages --root-user-action=ignore \
        --target "$root/opt/xbuild/site" -r /recipe/requirements.txt
    rm -rf "$root/opt/xbuild/site/bin"
    mkdir -p "$root/wheel" "$root/tests" "$root/etc" "$root/proc" "$root/sys" "$root/dev" "$root/run"
    mkdir -p -m 1777 "$root/tmp"
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/tmp:/bin/sh\n' > "$root/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' > "$root/etc/group"
    tidy "$root"
    python3 /recipe/tester-manifest --root "$root" --name "$name" --unpacked /tmp/unpacked \
        --requirements /recipe/requirements.txt "$@"
}
