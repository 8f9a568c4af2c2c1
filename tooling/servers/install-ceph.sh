#!/bin/sh
# Unpacks Ceph's mon, osd and radosgw, with every library they need, into one folder.
#
# Usage: install-ceph.sh FOLDER
#
# The packages come from Debian unstable, through apt and the mirror that this machine already uses,
# with apt's state kept apart. Nothing of the system is changed and no package script is run. What
# is not needed to serve objects is left out: about 220 MB stay.
#
#   HEADWATER_CEPH_SUITE   another suite of the same distribution
#   HEADWATER_CEPH_MIRROR  another mirror of it
set -eu

folder=${1:?folder to install into}
suite=${HEADWATER_CEPH_SUITE:-sid}
triplet=x86_64-linux-gnu
loader=ld-linux-x86-64.so.2
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
  echo "Ceph cannot be installed here: $1" >&2
  exit 1
}

mirror_of_this_machine() {
  sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null
  sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\).*/\2/p' /etc/apt/sources.list 2>/dev/null
}

[ "$(uname -s) $(uname -m)" = "Linux x86_64" ] || fail "only Linux on x86-64 is supported"
for tool in apt-get dpkg-deb tar; do
  command -v "$tool" >/dev/null || fail "$tool is missing"
done
[ -r "$keyring" ] || fail "Debian's archive keyring is missing"
mirror=${HEADWATER_CEPH_MIRROR:-$(mirror_of_this_machine | head -n 1)}
[ -n "$mirror" ] || fail "apt on this machine names no Debian mirror"

work=$folder.work
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
apt=$work/apt
tree=$work/tree
log=$work/log
mkdir -p "$apt/etc/apt.conf.d" "$apt/etc/preferences.d" "$apt/etc/sources.list.d" \
  "$apt/var/lists/partial" "$apt/var/cache/archives/partial" "$apt/var/lib/dpkg"
: >"$apt/var/lib/dpkg/status"
cat >"$apt/etc/sources.list.d/suite.sources" <<SOURCES
Types: deb
URIs: $mirror
Suites: $suite
Components: main
Signed-By: $keyring
SOURCES
cat >"$apt/apt.conf" <<CONF
Dir::Etc "$apt/etc";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/etc/sources.list.d";
Dir::State "$apt/var";
Dir::State::lists "$apt/var/lists";
Dir::State::status "$apt/var/lib/dpkg/status";
Dir::Cache "$apt/var/cache";
Dir::Cache::archives "$apt/var/cache/archives";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Update::Error-Mode "any";
CONF

apt-get -qq -c "$apt/apt.conf" update >"$log" 2>&1 ||
  fail "the package lists of $suite could not be fetched: $(tail -n 1 "$log")"
apt-get -qq -y -c "$apt/apt.conf" --download-only install radosgw ceph-mon ceph-osd >"$log" 2>&1 ||
  fail "the packages could not be fetched: $(tail -n 1 "$log")"

mkdir -p "$tree/usr/bin" "$tree/usr/sbin" "$tree/usr/lib" "$tree/usr/lib64"
for name in bin sbin lib lib64; do ln -s "usr/$name" "$tree/$name"; done
for package in "$apt"/var/cache/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" |
    tar -x --keep-directory-symlink -C "$tree" \
      --exclude='./usr/share/*' --exclude='./dev/*' --exclude='./etc/*' ||
    fail "$(basename "$package") could not be unpacked"
done

from=$tree/usr/lib/$triplet
kept=$work/kept
libraries=$kept/usr/lib/$triplet
mkdir -p "$kept/usr/bin" "$libraries"
cp -a "$from/rados-classes" "$from/ceph" "$libraries/"
for program in ceph-mon ceph-osd radosgw radosgw-admin monmaptool osdmaptool; do
  cp "$tree/usr/bin/$program" "$kept/usr/bin/"
done
{
  ls "$kept"/usr/bin/*
  find "$libraries" -name '*.so*' -type f
} | while read -r file; do
  "$from/$loader" --library-path "$from:$from/ceph:$tree/usr/lib" --list "$file" 2>/dev/null |
    sed -n 's/.*=> \(\/[^ ]*\).*/\1/p'
done | sort -u | while read -r library; do cp -L "$library" "$libraries/"; done
cp -L "$from/$loader" "$libraries/"
for library in "$from"/libnss_files* "$from"/libnss_dns*; do
  [ ! -e "$library" ] || cp -L "$library" "$libraries/"
done
"$libraries/$loader" --library-path "$libraries:$libraries/ceph" "$kept/usr/bin/radosgw" --version \
  >"$log" 2>&1 || fail "the unpacked radosgw does not run: $(tail -n 1 "$log")"
cp "$log" "$kept/VERSION"

rm -rf "$folder"
mv "$kept" "$folder"
