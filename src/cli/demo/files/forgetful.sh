#!/bin/sh
# An agent that says it is done too early: first the check fails, then the work is not committed. Told so, it goes on.
set -eu

total() {
    printf '#!/bin/sh\n# Adds up the prices of data/prices.csv.\n%s\n' "$1" > total.sh
    chmod +x total.sh
}

if [ ! -e total.sh ]; then
    total "awk -F ';' '{ sum += \$2 } END { print sum }' data/prices.csv"
    echo "total.sh is written. Done!"
elif ! grep -q printf total.sh; then
    total "awk -F ';' '{ sum += \$2 } END { printf \"%.2f\\n\", sum }' data/prices.csv"
    echo "It prints two decimals now. Done!"
else
    git add total.sh
    git commit --quiet -m "Add up the prices"
    echo "Committed."
fi

ticket=$(sed 's/^done: false$/done: true/' "$TURNSTILE_TICKET")
printf '%s\n' "$ticket" > "$TURNSTILE_TICKET"
