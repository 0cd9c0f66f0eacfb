#!/bin/sh
# Fetches Apache Kafka and what it needs into the cache folder, where the tests find it; the second call finds it there.
# Needs Java and Maven. Ends with 1, saying why, when there is no Kafka afterwards: the tests then run on the mock cluster alone.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n '/kafka_2.13/,/version/s:.*<version>\(.*\)</version>.*:\1:p' "$here/pom.xml")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ccc-router
folder=$cache/kafka-$version

if [ -d "$folder" ]; then
    echo "$folder"
    exit 0
fi
for program in java mvn; do
    command -v "$program" >/dev/null || { echo "no Kafka for the tests: there is no $program" >&2; exit 1; }
done

mkdir -p "$cache"
unfinished=$(mktemp -d "$cache/.kafka-XXXXXX")
trap 'rm -rf "$unfinished"' EXIT
mkdir "$unfinished/libs"
if ! mvn --quiet --batch-mode --strict-checksums --file "$here/pom.xml" dependency:copy-dependencies \
    -DoutputDirectory="$unfinished/libs" >"$unfinished/log" 2>&1; then
    tail -n 5 "$unfinished/log" >&2
    echo "no Kafka for the tests: Maven could not fetch it" >&2
    exit 1
fi
chmod 755 "$unfinished"
# A rename: whoever sees the folder sees it whole. Who comes second keeps the first one's.
mv -T "$unfinished" "$folder" 2>/dev/null || [ -d "$folder" ]
echo "$folder"
