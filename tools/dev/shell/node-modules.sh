# npm packages as the lockfile says. A stamp in node_modules says which lockfile that was. What has to be compiled of them is
# compiled by ../sqlite-driver.ts.

ensure_node_modules() {
  local wanted stamp=node_modules/.alcove-lockfile
  wanted=$(sha256sum package-lock.json)
  [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
  # After somebody's own `npm install` both are as they should be.
  if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
    # What it fetches is what there is to see of its progress.
    step "Installing npm packages" npm ci --ignore-scripts --no-audit --no-fund --loglevel=http
  fi
  echo "$wanted" >"$stamp"
}
