# npm packages as the lockfile says. A stamp in node_modules says which lockfile that was.

ensure_node_modules() {
  local wanted stamp=node_modules/.alcove-lockfile
  wanted=$(sha256sum package-lock.json)
  [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
  # After somebody's own `npm install` both are as they should be.
  if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
    use_installed_headers
    # What it fetches and compiles is what there is to see of its progress. JOBS: it compiles on every core.
    JOBS=max step "Installing npm packages" npm ci --no-audit --no-fund --loglevel=http --foreground-scripts
  fi
  echo "$wanted" >"$stamp"
}

# Compiling against this Node's own headers needs no download of them.
use_installed_headers() {
  local prefix
  prefix=$(node -p 'require("path").resolve(process.execPath, "../..")')
  if [ -e "$prefix/include/node/node.h" ]; then export npm_config_nodedir=$prefix; fi
}
