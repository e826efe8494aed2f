#!/bin/sh
# Provisions the line of an order: writes its configuration where the network reads it. Running it
# twice gives the same line. What it prints is the task's log; what it writes to $TUTTI_OUTPUT is
# the task's output.
set -eu

: "${ORDER_ID:?}" "${CUSTOMER:?}" "${SHARE:?}"
line="LINE-${ORDER_ID#*-}"

echo "reserving $line for customer $CUSTOMER"
mkdir -p "$SHARE/lines"

echo "writing $SHARE/lines/$line.conf"
{
  echo "line     $line"
  echo "order    $ORDER_ID"
  echo "customer $CUSTOMER"
  echo "state    active"
} >"$SHARE/lines/.$line.$$"
# Renamed into place: whoever reads the folder sees the whole file or none.
mv "$SHARE/lines/.$line.$$" "$SHARE/lines/$line.conf"

echo "$line is active"
printf '{"line": "%s", "state": "active"}\n' "$line" >"$TUTTI_OUTPUT"
