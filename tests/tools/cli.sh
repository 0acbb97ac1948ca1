# cli.sh: what the command-line tests share; sourced. Expects to stand in a folder of the test's own.

failures=0

fail()
{
    echo "FAILED: $*"
    sed 's/^/    /' stderr
    failures=$((failures + 1))
}

# await COMMAND…: tries until the command succeeds. The time only bounds a hang.
await()
{
    deadline=$(($(date +%s) + 300))
    until "$@"; do
        [ "$(date +%s)" -lt $deadline ] || return 1
        sleep 0.02
    done
}

# expect CODE TEXT COMMAND…: the exit code; on stderr nothing where TEXT is empty, else TEXT, which is
# all that a failure says: one line.
expect()
{
    code=$1 text=$2
    shift 2
    "$@" >stdout 2>stderr
    got=$?
    lines=$(wc -l <stderr)
    if [ "$got" -ne "$code" ]; then
        fail "exit code $got, not $code: $*"
    elif [ -z "$text" ]; then
        [ "$lines" -eq 0 ] || fail "spoke on stderr: $*"
    elif [ "$code" -eq 0 ]; then
        grep -q -- "$text" stderr || fail "does not say '$text': $*"
    elif [ "$lines" -ne 1 ] || ! grep -q -- "^megabuddy: .*$text" stderr; then
        fail "no single line with '$text': $*"
    fi
}
