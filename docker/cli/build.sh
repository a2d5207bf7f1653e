#!/bin/sh
# Makes the root file system of the image that xbuild itself runs in.
set -eu
. /recipe/fetching.sh
DEST=/layer
if ! pinned cli trixie; then
    debian_sources trixie > /tmp/archive
    lists_of /tmp/archive /tmp/lists
    resolved cli trixie whole "$(essential trixie)" apt ca-certificates git python3
fi
taken
bootstrap trixie "$DEST" cli --include=ca-certificates,git,python3 \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*'
pip install --quiet --no-compile --no-cache-dir --disable-pip-version-check --break-system-packages \
    --root-user-action=ignore --only-binary=:all: --target "$DEST/opt/xbuild/py" -r /recipe/requirements.txt
# Whoever runs it gets a volume here, which takes the mode
mkdir -p -m 1777 "$DEST/var/cache/xbuild"
mkdir -p "$DEST/opt/xbuild/lib"
cp -a /source/xbuild "$DEST/opt/xbuild/lib/xbuild"
rm -rf "$DEST/opt/xbuild/lib/xbuild/_docker"
cp -a /source/docker "$DEST/opt/xbuild/lib/xbuild/_docker"
tidy "$DEST"
python3 /recipe/bin/image-manifest --root "$DEST" --name cli
