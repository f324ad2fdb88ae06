#!/usr/bin/env bash
# pbf 4.0.2 (protocol buffers for JavaScript): readFloat, on a message that lies inside a larger buffer (a Uint8Array with a
# byteOffset, such as subarray() or most of the small Buffers of Node), reads from the start of the whole buffer.
# Varints, strings and bytes of the same message are right.
# Guess before running: the reader honours byteOffset, so float 0.5 is read as 0.5 from a view as from a copy.
# Seen: "view: name loss, value 0; copy: name loss, value 0.5".
# Hurt: readers of nested or framed messages (TFRecord, map tiles in an archive) get plausible wrong numbers, no error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund pbf@4.0.2
cat > run.mjs <<'JS'
import Pbf from 'pbf'
const written = new Pbf()
written.writeStringField(1, 'loss')
written.writeFloatField(2, 0.5)
const message = written.finish()
const whole = new Uint8Array(16 + message.length)
whole.set(message, 16)
const read = (bytes) => new Pbf(bytes).readFields((tag, found, pbf) => {
  if (tag === 1) found.name = pbf.readString()
  if (tag === 2) found.value = pbf.readFloat()
}, {})
const [view, copy] = [read(whole.subarray(16)), read(Uint8Array.from(message))]
console.log(`view: name ${view.name}, value ${view.value}; copy: name ${copy.name}, value ${copy.value}`)
process.exit(view.name === 'loss' && view.value !== 0.5 && copy.value === 0.5 ? 0 : 1)
JS
node run.mjs
