#!/usr/bin/env bash
# Boots an overlay of the running system under systemd-nspawn, and runs a program in it once it is up.
# Nothing of the running system is changed. As root, in a mount namespace of its own:
#   unshare --mount -- box_boot.sh FOLDER REPOSITORY PROGRAM...
# FOLDER is empty, and is /srv/box within; what PROGRAM prints is in FOLDER/bind/said.
set -euo pipefail
folder=$1 repository=$2
shift 2
mount --make-rprivate /
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/mem0-syncd-box
echo $$ > /sys/fs/cgroup/mem0-syncd-box/cgroup.procs
mkdir -p "$folder/bind" "$folder/overlay"
mount -t tmpfs tmpfs "$folder/overlay"
cd "$folder/overlay"
mkdir up work root
mount -t overlay overlay -o lowerdir=/,upperdir=up,workdir=work root
units=root/etc/systemd/system
mkdir -p $units/multi-user.target.wants
# Whatever need not start.
for unit in ssh.service cron.service systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer \
    man-db.timer console-getty.service; do
    ln -sf /dev/null "$units/$unit"
done
cat > $units/box.service <<EOF
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=$*
ExecStopPost=/bin/systemctl poweroff --force
StandardOutput=file:/srv/box/said
StandardError=file:/srv/box/errors
TimeoutStartSec=300
EOF
ln -s ../box.service $units/multi-user.target.wants/
timeout 330 systemd-nspawn --quiet --directory=root --keep-unit --register=no --private-network \
    --bind="$folder/bind:/srv/box" --bind-ro="$repository" --boot < /dev/null > "$folder/console" 2>&1
