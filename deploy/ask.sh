#!/bin/sh
# ask.sh METHOD PATH [JSON]: ask Elasticsearch something as its first user, from inside its container.
# Exit code 22 if it refuses, with its reason on the standard output.
set -eu

# The password goes in by a pipe: a command line can be seen from outside.
# shellcheck disable=SC2016  # the container's shell fills in what is between the quotes
exec docker compose exec -T elasticsearch-1 sh -c '
  printf "user = \"elastic:%s\"\n" "$ELASTIC_PASSWORD" |
    curl -sS --fail-with-body -w "\n" -K - --cacert config/certs/ca.crt -X "$1" "https://localhost:9200$2" \
      ${3:+-H "Content-Type: application/json" -d "$3"}
' ask "$@"
