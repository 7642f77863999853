# Usage: fetch.sh curl|wget URL…: a line for each, its status and the first line of its answer.
program=$1
shift
for url; do
  case $program in
  curl) body=$(curl -sS -m 60 -w '%{http_code}' -o /tmp/curl-body "$url") && status=$body && body=$(head -n 1 /tmp/curl-body) ;;
  wget)
    body=$(wget -q -T 60 -t 1 -S --content-on-error -O - "$url" 2>/tmp/wget-head | head -n 1)
    status=$(sed -n 's/^ *HTTP[^ ]* \([0-9]*\).*/\1/p' /tmp/wget-head | tail -n 1)
    ;;
  esac
  echo "${status:-failed} ${status:+$body}"
  status=
done
