/**
 * Runs in the sandbox: takes snippets as lines of JSON from its input, writes each one's result to a file of the name that
 * came with it, and, where there are more to come, a mark on both outputs behind what the snippet printed. Its own
 * descriptors are out of the snippet's way. It speaks Python 3.8, so that old images can be used.
 */
export const pythonDriver = `
import ast, asyncio, inspect, json, linecache, math, os, sys, traceback, types

def plain(value, depth=0):
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int and abs(value) <= 2 ** 53:
        return value
    if kind is float and math.isfinite(value):
        return value
    if depth < 64 and kind in (list, tuple):
        return [plain(item, depth + 1) for item in value]
    if depth < 64 and kind is dict and all(type(key) is str for key in value):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    raise ValueError()

def shown(value):
    try:
        return repr(value)
    except BaseException as error:
        return "<%s whose repr raises %s>" % (type(value).__name__, type(error).__name__)

def encoded(value, limit):
    if value is None:
        return {"kind": "none"}
    try:
        text = json.dumps(plain(value))
        if len(text) <= limit:
            return {"kind": "json", "value": json.loads(text)}
    except (ValueError, RecursionError):
        pass
    text = shown(value)
    return {"kind": "text", "value": text[:limit], "isCut": len(text) > limit}

def failure(error, limit):
    frames = error.__traceback__
    while frames is not None and not frames.tb_frame.f_code.co_filename.startswith("<snippet"):
        frames = frames.tb_next
    try:
        told = "".join(traceback.format_exception(type(error), error, frames))
    except BaseException:
        told = type(error).__name__
    try:
        message = str(error)
    except BaseException as broken:
        message = "<%s whose str raises %s>" % (type(error).__name__, type(broken).__name__)
    return {"name": type(error).__name__[:200], "message": message[:limit], "traceback": told[-limit:]}

def evaluate(code, namespace, loop):
    value = eval(code, namespace)
    if code.co_flags & inspect.CO_COROUTINE:
        return loop().run_until_complete(value)
    return value

def run(source, name, namespace, loop):
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    tree = ast.parse(source, name)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    evaluate(compile(tree, name, "exec", flags), namespace, loop)
    if last is not None:
        return evaluate(compile(ast.Expression(last.value), name, "eval", flags), namespace, loop)

def write(path, result):
    # As bytes of ASCII: a lone surrogate has no other encoding.
    data = json.dumps(result).encode("ascii")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)

def all_of(handle, text):
    data = text.encode()
    while data:
        data = data[os.write(handle, data):]

def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass

def main():
    commands = os.fdopen(os.dup(0), "rb")
    outputs = [os.dup(1), os.dup(2)]
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    module.__builtins__ = __builtins__
    loops = []
    def loop():
        if not loops or loops[0].is_closed():
            loops[:] = [asyncio.new_event_loop()]
            asyncio.set_event_loop(loops[0])
        return loops[0]
    status = 0
    for number, line in enumerate(commands):
        command = json.loads(line)
        limit = command["limit"]
        result, status = {"kind": "none"}, 0
        try:
            result = encoded(run(command["code"], "<snippet %d>" % (number + 1), module.__dict__, loop), limit)
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
            if error.code is not None and not isinstance(error.code, int):
                print(error.code, file=sys.stderr)
            if status != 0:
                result = {"kind": "none", "error": failure(error, limit)}
            result["exit"] = status & 255
        except BaseException as error:
            status = 1
            result = {"kind": "none", "error": failure(error, limit), "exit": 1}
        flush()
        write(command["result"], result)
        if command["mark"] is not None:
            for handle in outputs:
                all_of(handle, command["mark"])
    sys.exit(status)

main()
`;
