# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a check says. A line a check: "  ok    WHAT: what was seen" or "  FAIL  WHAT: what was seen instead".

CHECKS_FAILED=0

one_line() { tr -s '\n\t ' ' ' <<<"$*" | cut -c1-"${COLUMNS_MAX:-170}"; }

ok() { printf '  ok    %s%s\n' "$1" "${2:+: $(one_line "$2")}"; }

fail() {
    CHECKS_FAILED=$((CHECKS_FAILED + 1))
    printf '  FAIL  %s%s\n' "$1" "${2:+: $(COLUMNS_MAX=600 one_line "$2")}"
}

# check WHAT COMMAND...: it must succeed; what it said last is shown.
check() {
    local what=$1 said
    shift
    if said=$("$@" 2>&1); then ok "$what" "$(tail -n 1 <<<"$said")"; else fail "$what" "$(tail -n 5 <<<"$said")"; fi
}

# check_fails WHAT PATTERN COMMAND...: it must fail, and say something that matches.
check_fails() {
    local what=$1 pattern=$2 said
    shift 2
    if said=$("$@" 2>&1); then fail "$what" "succeeded: $said"; else expect "$what" "$pattern" "$said"; fi
}

# expect WHAT PATTERN TEXT: an extended regular expression that must occur; the line where it does is shown.
expect() {
    local found
    if found=$(grep -m 1 -E -- "$2" <<<"$3"); then ok "$1" "$found"; else fail "$1" "no /$2/ in: $3"; fi
}

# expect_none WHAT PATTERN TEXT: it must not occur.
expect_none() {
    local found
    if found=$(grep -m 1 -E -- "$2" <<<"$3"); then fail "$1" "$found"; else ok "$1"; fi
}

# expect_equal WHAT WANTED SEEN
expect_equal() { if [ "$2" = "$3" ]; then ok "$1" "$3"; else fail "$1" "wanted \"$2\", saw \"$3\""; fi; }

# expect_below WHAT LIMIT SEEN [UNIT]: numbers, fractions too.
expect_below() {
    if awk -v limit="$2" -v seen="$3" 'BEGIN { exit !(seen != "" && seen + 0 < limit + 0) }'; then
        ok "$1" "$3${4:+ $4} (limit $2)"
    else
        fail "$1" "$3${4:+ $4}, limit $2"
    fi
}

# group_done: the last line of every group; the runner takes its absence for a failure.
group_done() {
    echo "  -- done"
    exit $((CHECKS_FAILED > 0))
}
