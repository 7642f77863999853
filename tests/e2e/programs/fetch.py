"""Usage: fetch.py requests|urllib3|urllib URL…: a line for each, its status and the first line of its answer."""
import sys


def with_requests(url):
    import requests

    answer = requests.get(url, timeout=60)
    return answer.status_code, answer.text


def with_urllib3(url):
    import urllib3

    answer = urllib3.PoolManager(timeout=60, retries=False).request("GET", url)
    return answer.status, answer.data.decode()


def with_urllib(url):
    import urllib.error, urllib.request

    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


fetch = {"requests": with_requests, "urllib3": with_urllib3, "urllib": with_urllib}[sys.argv[1]]
for url in sys.argv[2:]:
    try:
        status, text = fetch(url)
        print(status, text.split("\n")[0])
    except Exception as error:
        print("failed", file=sys.stdout)
        print(error, file=sys.stderr)
