#!/bin/sh
# An agent as one would wish for: it works, commits, and claims to be done.
set -eu

currency=$(cat data/currency.txt)
{
    echo "# Prices"
    echo
    while IFS=';' read -r what price; do
        echo "- $what: $price $currency"
    done < data/prices.csv
    echo
    echo "One of each: $(sh total.sh) $currency"
} > PRICES.md
git add PRICES.md
git commit --quiet -m "Write the price list"
echo "PRICES.md is written and committed."

ticket=$(sed 's/^done: false$/done: true/' "$TURNSTILE_TICKET")
printf '%s\n' "$ticket" > "$TURNSTILE_TICKET"
