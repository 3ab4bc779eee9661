#!/bin/sh
# certificates.sh FOLDER NAME…: an authority of our own (ca.crt), and one certificate for all NAMEs (node.crt).
# What is there and good for another 90 days is left as it is.
set -eu
umask 077

folder=$1
shift
names=$(printf ',DNS:%s' "$@")
names=${names#,}

lasts() {
  [ -s "$1" ] && openssl x509 -in "$1" -noout -checkend 7776000 >/dev/null
}

# The certificate comes last: one that is there fits the key, also after a crash.
put() {
  rm -f "$folder/$1.crt"
  mv "$folder/new.key" "$folder/$1.key"
  mv "$folder/new.crt" "$folder/$1.crt"
}

if ! lasts "$folder/ca.crt"; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650 \
    -subj '/CN=Image search authority' -keyout "$folder/new.key" -out "$folder/new.crt" \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign'
  chmod 644 "$folder/new.crt"
  rm -f "$folder/node.crt"
  put ca
fi

if ! lasts "$folder/node.crt"; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 730 \
    -CA "$folder/ca.crt" -CAkey "$folder/ca.key" \
    -subj "/CN=$1" -keyout "$folder/new.key" -out "$folder/new.crt" \
    -addext 'basicConstraints=critical,CA:FALSE' -addext "subjectAltName=$names,IP:127.0.0.1" \
    -addext 'extendedKeyUsage=serverAuth,clientAuth'
  # Elasticsearch runs as another user of the same group.
  chmod 640 "$folder/new.key"
  chmod 644 "$folder/new.crt"
  put node
fi
