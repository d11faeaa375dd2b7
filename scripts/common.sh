# Sourced by the scripts beside it: what several of them need.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# What scripts/tools installs wins over what the machine has.
export PATH="$root/.dev/tools/bin:$PATH"

fail() {
    echo "error: $*" >&2
    exit 1
}

# Does anything listen on this port of 127.0.0.1?
port_answers() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Below the range from which the kernel takes ports for outgoing connections.
free_port() {
    local port
    while port=$((20000 + RANDOM % 10000)); port_answers "$port"; do :; done
    echo "$port"
}

command_line_of() {
    if [ -d /proc/self ]; then
        { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null || true
    else
        ps -o command= -p "$1" || true
    fi
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Installs Debian packages where we may, else says which are missing. No server is started by that, and none is left
# to be started at the next boot.
install_packages() (
    if ! command -v apt-get >/dev/null || ! as_root true 2>/dev/null; then
        fail "please install: $*"
    fi
    echo "installing $*" >&2
    exec >&2 </dev/null
    if command -v flock >/dev/null; then
        exec 9</usr/sbin && flock 9 # one at a time: the policy file below is shared
    fi
    if ! [ -e /usr/sbin/policy-rc.d ]; then
        trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
        trap 'exit 130' INT TERM HUP
        printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
        as_root chmod 755 /usr/sbin/policy-rc.d
    fi
    local cluster_settings=/etc/postgresql-common/createcluster.conf
    case " $* " in
        *" postgresql "*)
            if ! [ -e "$cluster_settings" ]; then
                as_root mkdir -p "${cluster_settings%/*}"
                echo 'create_main_cluster = false' | as_root tee "$cluster_settings" >/dev/null
            fi
            ;;
    esac
    local apt=(env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get -qq -o DPkg::Lock::Timeout=300)
    as_root "${apt[@]}" update || true # an old list may do
    as_root "${apt[@]}" install --yes --no-install-recommends "$@" 9<&- || fail "could not install: $*"
    case " $* " in
        *" redis-server "*) as_root systemctl disable redis-server 2>/dev/null || true ;;
    esac
)

# A Python environment with these packages in .dev/tools/NAME, made anew when they change.
#   python_tools NAME PACKAGE==VERSION…
python_tools() (
    tools=$root/.dev/tools/$1
    shift
    mkdir -p "$root/.dev/tools"
    exec 9>"$tools.lock"
    if command -v flock >/dev/null; then
        flock 9 # two runs at once: one installs
    fi
    # Its programs name the folder that they are in: one that has been moved is installed again.
    if [ "$(cat "$tools/installed" 2>/dev/null)" = "$tools: $*" ]; then return; fi
    echo "installing $* into $tools" >&2
    # On Debian venv is a package of its own, and its absence shows only when it is used.
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    python3 -m venv --clear "$tools" 9>&-
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check "$@" 9>&-
    echo "$tools: $*" >"$tools/installed" # last: an installation that broke off is started again
)

# What reads the template and the migrations, in .dev/tools/template.
template_tools() {
    python_tools template aws-sam-cli==1.170.0 cfn-lint==1.58.0 squawk-cli==2.70.0
    # The libraries want a region, whichever; a profile of the caller's must not matter.
    export AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0
    unset AWS_PROFILE AWS_DEFAULT_PROFILE
}

# Starts a command away from the terminal's Ctrl-C, and marks it and all of its descendants by a variable in their
# environment: `cargo lambda watch` gives each function a session of its own, and neither session nor parent leads from
# a function to a watch that has died.
mark=$$.$RANDOM$RANDOM
sessions=()
start_session() {
    if command -v setsid >/dev/null; then
        DEAL_SCOUT_SESSION=$mark setsid "$@" &
    else
        set -m # no setsid (macOS): a process group is the next best thing
        DEAL_SCOUT_SESSION=$mark "$@" &
        set +m
    fi
    sessions+=($!)
}

# Starts it and waits. The wait is what lets a signal reach our traps at once, not only when the command has ended.
run_session() {
    start_session "$@"
    wait $!
}

session_processes() {
    if [ -d /proc/self ]; then
        { grep -lzFx "DEAL_SCOUT_SESSION=$mark" /proc/[0-9]*/environ || true; } 2>/dev/null | tr -cd '0-9\n'
    else
        local session
        for session in ${sessions[@]+"${sessions[@]}"}; do
            if kill -0 -- "-$session" 2>/dev/null; then echo "-$session"; fi
        done
    fi
}

stop_sessions() {
    local attempt pids
    for attempt in {0..99}; do
        pids=$(session_processes)
        [ -n "$pids" ] || break
        case $attempt in
            0 | 20 | 40) kill -TERM -- $pids 2>/dev/null || true ;;
            60 | 70 | 80 | 90) kill -KILL -- $pids 2>/dev/null || true ;;
        esac
        sleep 0.1
    done
}
