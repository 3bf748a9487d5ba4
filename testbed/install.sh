#!/usr/bin/env bash
# Installs the Debian packages named as arguments that are missing, so that a
# fresh machine can run the tests; says what is missing where it may not.
set -euo pipefail

missing=()
for package in "$@"; do
	dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

refuse() {
	echo "missing: ${missing[*]}. $1" >&2
	exit 1
}
command -v apt-get >/dev/null || refuse "Install them by your system's own means, then run this again."
sudo=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || refuse "Run as root: apt-get install ${missing[*]}"
	sudo=(sudo -n)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
echo "installing ${missing[*]} (apt) …"
if ! { "${sudo[@]}" apt-get update -q && "${sudo[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	tail -n 15 "$log" >&2
	refuse "apt could not install them; its last lines stand above."
fi
