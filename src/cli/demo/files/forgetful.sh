#!/bin/sh
# An agent that does the work, says it is done, and forgets to commit. Told so, it commits.
set -eu

if [ ! -e total.sh ]; then
    cat > total.sh <<'SCRIPT'
#!/bin/sh
# Adds up the prices of data/prices.csv.
awk -F ';' '{ sum += $2 } END { printf "%.2f\n", sum }' data/prices.csv
SCRIPT
    chmod +x total.sh
    echo "total.sh is written. Done!"
else
    git add total.sh
    git commit --quiet -m "Add up the prices"
    echo "Committed."
fi

ticket=$(sed 's/^done: false$/done: true/' "$TURNSTILE_TICKET")
printf '%s\n' "$ticket" > "$TURNSTILE_TICKET"
