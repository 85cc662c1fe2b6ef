#!/bin/bash
# stand-in PROGRAM FAULT: puts a program that has a fault in front of the real one, in /fault/bin.
#
# /fault/rest holds all other programs, so that a search of PATH does not find the real one.
set -eu
program=$1 fault=$2 file=/fault/bin/$1
rm -rf /fault
mkdir -p /fault/bin /fault/rest
ln -s /usr/bin/* /fault/rest/
rm -f "/fault/rest/$program"
case $fault in
    none) rm -r /fault; mkdir -p /fault/bin; ln -s /usr/bin /fault/rest; exit ;;
    hangs) body='exec sleep 86399' ;;
    ignores-sigterm) body='trap "" TERM INT HUP; sleep 86399; sleep 86399' ;;
    detaches) body='setsid sleep 86399 & exit 0' ;;
    floods) body='head -c 1073741824 /dev/zero | tr "\0" x' ;;
    garbage) body='printf "\377\376\200 \033[31m\n\000garbage\n"' ;;
    silent) body='exit 0' ;;
    fails) body='exit 255' ;;
    dies) body='kill -KILL $$' ;;
    not-executable) : >"$file"; exit ;;
    a-directory) mkdir "$file"; exit ;;
    *) exit 2 ;;
esac
printf '#!/bin/sh\nPATH=/usr/bin\n%s\n' "$body" >"$file"
chmod 755 "$file"
