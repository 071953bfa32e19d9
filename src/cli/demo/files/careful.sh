#!/bin/sh
# An agent that does not guess: it asks, ends its turn, and works on once its prompt brings the answer.
set -eu

prompt=$(cat)
case $prompt in
*"answer: EUR"*) currency=EUR ;;
*"answer: USD"*) currency=USD ;;
*)
    echo "The ticket does not say which currency the prices have. I ask."
    cat > "$TURNSTILE_OUTBOX/DISPATCH.md" <<'DISPATCH'
---
mode: pause
title: Which currency do the prices have?
choices: [EUR, USD]
---
The price list needs a currency, and neither the ticket nor `data/prices.csv` names one.
DISPATCH
    exit 0
    ;;
esac

echo "The answer is $currency. I write it down and commit."
echo "$currency" > data/currency.txt
git add data/currency.txt
git commit --quiet -m "Prices are in $currency"

# The claim: whether it holds is not for the agent to say.
ticket=$(sed 's/^done: false$/done: true/' "$TURNSTILE_TICKET")
printf '%s\n' "$ticket" > "$TURNSTILE_TICKET"
