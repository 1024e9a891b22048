"""The address of cloud metadata, in every spelling that a parser may take for another address."""
import errno
import urllib.request

SPELLINGS = ["169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.254.43518", "169.16689662",
             "0xa9.0xfe.0xa9.0xfe", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe", "fd00:ec2::254"]
answers = set()
for spelling in SPELLINGS:
    host = f"[{spelling}]" if ":" in spelling else spelling
    try:
        urllib.request.urlopen(f"http://{host}/latest/meta-data/", timeout=2)
        print("reached", spelling)
    except OSError as error:
        reason = getattr(error, "reason", error)
        answers.add(errno.errorcode.get(getattr(reason, "errno", None), type(reason).__name__))
print(*sorted(answers), len(SPELLINGS))
