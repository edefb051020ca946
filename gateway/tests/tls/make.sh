#!/usr/bin/env bash
# Makes the key and trust stores beside this script anew, with the JDK's keytool and openssl. They are committed: tests need
# neither. All passwords are in here; nothing but tests uses them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
rm -f ./*.jks ./*.p12 ./*.pem
# From long ago, for machines whose clock is behind.
VALID="-startdate 2020/01/01 -validity 36500"
NAMES=san=dns:localhost,ip:127.0.0.1
kt() { keytool -noprompt -storepass changeit "$@" 2>/dev/null; }

# An authority, and a server that it vouches for.
kt -genkeypair -alias ca -keyalg EC -groupname secp256r1 -dname CN=authority -ext bc:c $VALID -storetype PKCS12 -keystore ca.p12
kt -exportcert -alias ca -keystore ca.p12 -rfc >ca.pem
kt -genkeypair -alias server -keyalg RSA -keysize 2048 -dname CN=server $VALID -storetype PKCS12 -keystore server.p12
kt -certreq -alias server -keystore server.p12 | kt -gencert -alias ca -keystore ca.p12 -ext $NAMES -ext eku=sa $VALID -rfc >chain.pem
cat ca.pem >>chain.pem
kt -importcert -trustcacerts -alias ca -file ca.pem -keystore server.p12
kt -importcert -alias server -file chain.pem -keystore server.p12
kt -delete -alias ca -keystore server.p12

# The same server as JKS with a key password of its own, as PKCS12 of Java 8, and as PEM with an encrypted key.
kt -importkeystore -srckeystore server.p12 -srcstorepass changeit -deststoretype JKS -destkeystore server.jks -srcalias server -destkeypass keysecret
keytool -J-Dkeystore.pkcs12.legacy=true -noprompt -importkeystore -srckeystore server.p12 -srcstorepass changeit \
  -deststoretype PKCS12 -destkeystore legacy.p12 -deststorepass changeit 2>/dev/null
openssl pkcs12 -in server.p12 -passin pass:changeit -nocerts -nodes | openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:pemsecret >server.pem
cat chain.pem >>server.pem
rm chain.pem

# Two servers in one store, for localhost and for other.example; the first certificate has expired.
kt -genkeypair -alias first -keyalg RSA -keysize 2048 -dname CN=other.example -ext san=dns:other.example -startdate 2020/01/01 -validity 1 -storetype JKS -keystore two.jks
kt -genkeypair -alias second -keyalg EC -groupname secp256r1 -dname CN=localhost -ext $NAMES $VALID -storetype JKS -keystore two.jks

# A client of the authority, one that stands itself in the trust store, and one that nobody knows.
kt -genkeypair -alias client -keyalg EC -groupname secp256r1 -dname CN=client $VALID -storetype PKCS12 -keystore client.p12
kt -certreq -alias client -keystore client.p12 | kt -gencert -alias ca -keystore ca.p12 -ext eku=ca $VALID -rfc >client-cert.pem
openssl pkcs12 -in client.p12 -passin pass:changeit -nocerts -nodes | openssl pkcs8 -topk8 -nocrypt >client.pem
cat client-cert.pem >>client.pem
for name in lone stranger; do
  kt -genkeypair -alias $name -keyalg RSA -keysize 2048 -dname CN=$name -ext bc:c $VALID -storetype PKCS12 -keystore $name.p12
  kt -exportcert -alias $name -keystore $name.p12 -rfc >cert.pem
  openssl pkcs12 -in $name.p12 -passin pass:changeit -nocerts -nodes | openssl pkcs8 -topk8 -nocrypt >$name.pem
  cat cert.pem >>$name.pem
  rm $name.p12
  [ $name = stranger ] || kt -importcert -alias $name -file cert.pem -storetype JKS -keystore trust.jks
done
kt -importcert -alias ca -file ca.pem -storetype JKS -keystore trust.jks
kt -importcert -alias ca -file ca.pem -storetype PKCS12 -keystore trust.p12
rm -f cert.pem client-cert.pem client.p12 ca.p12
