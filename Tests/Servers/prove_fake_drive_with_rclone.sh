#!/bin/sh
# Judges the fake Drive with rclone, through its proxy and under Google's host names: prove_fake_drive_with_rclone.sh PORT CA_FILE WORK_DIR
#
# rclone's drive backend has no option for another server, so it is led here by HTTPS_PROXY and a private authority.
set -eu
port=$1 ca=$2 work=$3
cat >"$work/rclone.conf" <<END
[fake]
type = drive
client_id = client-id
client_secret = client-secret
scope = drive.file
root_folder_id = folder0
token = {"access_token":"none","token_type":"Bearer","refresh_token":"refresh-token","expiry":"2020-01-01T00:00:00Z"}
END
rclone() {
    env -u NO_PROXY -u no_proxy HTTPS_PROXY="http://127.0.0.1:$port" SSL_CERT_FILE="$ca" SSL_CERT_DIR=/nonexistent \
        rclone --config "$work/rclone.conf" --drive-chunk-size 256k --drive-upload-cutoff 0 --drive-pacer-min-sleep 1ms \
        --retries 1 --low-level-retries 5 --timeout 20s "$@"
}
fault() { curl -sS --noproxy '*' -o /dev/null -d "$1" "http://127.0.0.1:$port/control/faults"; }
head -c 900000 /dev/urandom >"$work/sent.bin"
rclone copyto "$work/sent.bin" fake:sent.bin
test "$(rclone lsf fake:)" = sent.bin
rclone check --download --one-way "$work/sent.bin" fake:
rclone md5sum fake: | grep -q "$(md5sum <"$work/sent.bin" | cut -d' ' -f1)"
fault '[{"on": "data", "skip": 1, "do": "status", "status": 503, "keep": "all"}]'
rclone copyto "$work/sent.bin" fake:again.bin
rclone check --download --one-way "$work/sent.bin" fake: >/dev/null
rclone copyto fake:again.bin "$work/back.bin"
cmp "$work/sent.bin" "$work/back.bin"
rclone deletefile --drive-use-trash=false fake:again.bin
rclone about fake: >/dev/null
test "$(rclone lsf fake:)" = sent.bin
echo proven
