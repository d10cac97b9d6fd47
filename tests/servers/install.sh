#!/bin/sh
# The servers that the tests talk to, from the distribution's packages: installed where we are root on Debian or Ubuntu,
# else one line says how. GONEQUIET_NO_APT=1 forbids it. Tests whose server is missing are skipped and say so.
set -eu
PATH=$PATH:/usr/sbin:/usr/local/sbin

missing=
need() { # package, then any of its commands
    package=$1
    shift
    for program; do
        if command -v "$program" >/dev/null 2>&1; then return; fi
    done
    missing="$missing $package"
}
need dovecot-imapd dovecot
need prometheus prometheus
need prometheus-alertmanager prometheus-alertmanager alertmanager
need chromium chromium chromium-browser google-chrome
# The program that drives the browser is linked against it, and a minimal system does not have it.
ldconfig -p | grep -q 'libatomic\.so\.1 ' || missing="$missing libatomic1"
set -- /usr/lib/postgresql/*/bin/postgres
[ -x "$1" ] || missing="$missing postgresql"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || [ "${GONEQUIET_NO_APT:-}" = 1 ] || ! command -v apt-get >/dev/null; then
    echo "Some tests will be skipped, as test servers are missing. On Debian or Ubuntu: sudo apt-get install$missing"
    exit 0
fi

echo "Installing the servers that the tests talk to:$missing (GONEQUIET_NO_APT=1 forbids it)"
# Their services are not started: the tests run servers of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
# One by one: a package that this release does not have (chromium on some) leaves only its own tests out.
apt-get update -qq || true
for package in $missing; do
    apt-get install -qq -y --no-install-recommends "$package" >/dev/null 2>&1 ||
        echo "$package could not be installed; its tests will be skipped"
done
