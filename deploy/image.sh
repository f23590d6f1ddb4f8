#!/usr/bin/env bash
# Builds the images for Kubernetes from the Containerfile, as an OCI layout in a folder, without a daemon or a registry.
# `make image` calls it. There are two, which differ in the file capability of /coredns only:
#
#   IMAGE_TAG               has it, so that a user who is not root can have port 53; wants NET_BIND_SERVICE added
#   IMAGE_TAG-unprivileged  has none; for a port above 1023, where a container drops all capabilities
#
# A kernel does not run a file whose capability the container may not have, so there is no one image for both.
#
# What is built is set by these variables:
#
#   IMAGE_LAYOUT       folder of the layout; what was there goes
#   IMAGE_TAG          the tag
#   IMAGE_VERSION      version of failover, for a label and for `coredns -version`
#   GO, GOARCH         the go command, and for which processor (that of this machine)
#   CA_BUNDLE          file with the certificates that checks trust
#   SOURCE_DATE_EPOCH  time that all files and the image have (that of the last commit, or 0)
#
# The same sources, time, CA bundle and releases of Go and buildah (which compresses) give the same digests, which are
# printed with their tags.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${IMAGE_LAYOUT:?}" "${IMAGE_TAG:?}" "${IMAGE_VERSION:?}"
: "${GO:=go}" "${CA_BUNDLE:=/etc/ssl/certs/ca-certificates.crt}"
GOARCH=$("$GO" env GOARCH)
coredns=$("$GO" list -m -f '{{.Version}}' github.com/coredns/coredns)
export GOARCH GOOS=linux CGO_ENABLED=0

fail() {
	echo "image: $*" >&2
	exit 1
}

[ "$(id -u)" = 0 ] || fail "only root may set the file capability that lets /coredns have port 53 as another user"
[ -s "$CA_BUNDLE" ] || fail "no CA bundle at $CA_BUNDLE: install ca-certificates, or name one with CA_BUNDLE"
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
	SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# Without symbols and debug information the binaries are two thirds of their size; a stack trace needs neither. The tag
# leaves out pages of gRPC that nothing here serves: they have the linker keep half of failoverctl alive. What git says
# of the work tree stays out, so that sources without it give the same binary.
build() {
	"$GO" build -trimpath -buildvcs=false -tags grpcnotrace \
		-ldflags "-s -w -X github.com/coredns/coredns/coremain.GitCommit=failover-$IMAGE_VERSION" -o "$root/$1" "./cmd/$1"
}
build coredns
build failoverctl

mkdir -p "$root/etc/ssl/certs"
cp "$CA_BUNDLE" "$root/etc/ssl/certs/ca-certificates.crt"
printf 'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\nnonroot:x:65532:\n' >"$root/etc/group"
find "$root" -type d -exec chmod 0755 {} +
chmod 0755 "$root/coredns" "$root/failoverctl"
chmod 0644 "$root/etc/ssl/certs/ca-certificates.crt" "$root/etc/passwd" "$root/etc/group"

# A storage of its own, so that nothing is left behind and nothing that is there comes in. vfs and chroot work without
# a kernel's overlay and inside of containers, too.
store=(--root "$work/store" --runroot "$work/run" --storage-driver vfs)

# image makes one of what is in root now.
image() {
	buildah "${store[@]}" bud --quiet --isolation chroot --format oci --arch "$GOARCH" --timestamp "$SOURCE_DATE_EPOCH" \
		--identity-label=false \
		--label "org.opencontainers.image.title=coredns-failover" \
		--label "org.opencontainers.image.description=CoreDNS ${coredns#v} with the failover plugin" \
		--label "org.opencontainers.image.version=$IMAGE_VERSION" \
		--label "org.opencontainers.image.licenses=Apache-2.0" \
		--file Containerfile --tag "coredns:$1" "$root" >/dev/null
	buildah "${store[@]}" push --quiet --format oci --compression-format gzip --compression-level 9 \
		--digestfile "$work/digest" "coredns:$1" "oci:$IMAGE_LAYOUT:$1"
	echo "$1 $(cat "$work/digest")"
}

rm -rf "$IMAGE_LAYOUT"
mkdir -p "$(dirname "$IMAGE_LAYOUT")"
image "$IMAGE_TAG-unprivileged"
PATH="$PATH:/usr/sbin:/sbin" setcap cap_net_bind_service=+ep "$root/coredns"
image "$IMAGE_TAG"
