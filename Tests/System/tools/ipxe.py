# SPDX-License-Identifier: Apache-2.0
"""iPXE's script language, as far as boot scripts use it: variables, nested expansion, labels, `||` and `&&`, and the
commands that fetch. The rules are those of iPXE's core/exec.c and image/script.c of 2019: a line is split into words
before it is expanded, a failed line ends the script, `goto` ends its line."""

import re
import time
import urllib.parse

INNERMOST = re.compile(r"\$\{([^${}]*)\}")


class Failed(Exception):
    """A command's failure; the script goes on if the line says so."""


class Booted(Exception):
    """`boot` was reached: `images` is what is in memory, in order."""

    def __init__(self, images):
        super().__init__("booted")
        self.images = images


class Exited(Exception):
    """The script has ended, by `exit` or at its end: the machine goes back to its firmware."""


class Image:
    def __init__(self, name, url, data, arguments):
        self.name, self.url, self.data, self.arguments = name, url, data, arguments


class Script:
    """`fetch(url, stall_seconds)` returns what is there, or raises Failed; `say` hears what the console shows;
    `ask_dhcp()` returns settings."""

    steps_max = 100_000

    def __init__(self, settings, fetch, say=lambda text: None, sleep=time.sleep, ask_dhcp=None):
        self.settings = dict(settings)
        self.fetch, self.say, self.sleep, self.ask_dhcp = fetch, say, sleep, ask_dhcp
        self.images = []
        self.lines, self.at, self.jumped, self.steps = [], 0, False, 0

    # Running

    def run(self, text):
        """Until a boot (Booted), an exit (Exited) or a failure (Failed)."""
        while True:
            text = self.run_one(text)

    def run_one(self, text):
        if not re.match(r"#!ipxe\s", text):
            raise Failed("not a script: " + text[:60])
        self.lines, self.at = text.replace("\\\n", "").splitlines(), 0
        self.next_text = None
        while self.at < len(self.lines):
            self.steps += 1
            if self.steps > self.steps_max:
                raise Exited("the script goes in circles")
            line = self.lines[self.at].strip()
            self.at += 1
            if line.startswith(":"):
                line = line.partition(" ")[2]
            self.line(line)
            if self.next_text is not None:
                return self.next_text
        raise Exited("the end of the script")

    def line(self, line):
        words, process, failure = line.split(), True, None
        while True:
            end = next((i for i, w in enumerate(words) if w in ("||", "&&", ";") or w.startswith("#")), len(words))
            terminator = words[end] if end < len(words) else ""
            if process:
                failure = None
                self.jumped = False
                try:
                    self.command([self.expand(word) for word in words[:end]])
                except Failed as error:
                    failure = error
                    self.settings["errno"] = "0x3e11613b"
                if self.jumped or self.next_text is not None:
                    return
            if terminator not in ("||", "&&", ";"):
                break
            process = {"||": failure is not None, "&&": failure is None, ";": True}[terminator]
            words = words[end + 1:]
        if failure is not None:
            raise failure

    def expand(self, word):
        while match := INNERMOST.search(word):
            word = word[:match.start()] + self.value(match[1]) + word[match.end():]
        return word

    def value(self, name):
        name, _, kind = name.partition(":")
        if re.fullmatch(r"(netX|net0)/.*", name):
            name = name.split("/", 1)[1]
        value = str(self.settings.get(name, ""))
        if kind == "hexhyp":
            return value.replace(":", "-")
        if kind == "uristring":
            return urllib.parse.quote(value, safe="")
        return value

    # Commands

    def command(self, words):
        if not words:
            return
        name, arguments = words[0], words[1:]
        action = getattr(self, "do_" + name, None)
        if action is None:
            raise Failed(f"{name}: command not found")
        action(arguments)

    @staticmethod
    def options(words, *with_value):
        """Options come before everything else."""
        found, rest = {}, list(words)
        while rest and rest[0].startswith("-"):
            word, _, value = rest.pop(0).partition("=")
            word = {"-n": "--name", "-t": "--timeout", "-k": "--key", "-a": "--autofree", "-r": "--replace"}.get(word, word)
            if word in with_value and not value:
                if not rest:
                    raise Failed(f"{word} needs a value")
                value = rest.pop(0)
            found[word] = value or True
        return found, rest

    def do_echo(self, words):
        self.say(" ".join(words))

    def do_set(self, words):
        if not words:
            raise Failed("set: what?")
        name = words[0].partition(":")[0].split("/")[-1]
        self.settings[name] = " ".join(words[1:])

    def do_clear(self, words):
        self.settings.pop(words[0].partition(":")[0], None)

    def do_inc(self, words):
        name = words[0].partition(":")[0]
        try:
            self.settings[name] = str(int(self.settings.get(name) or 0, 0) + int(words[1] if len(words) > 1 else 1))
        except (ValueError, TypeError):
            raise Failed(f"inc: {name} is {self.settings.get(name)!r}") from None

    def do_iseq(self, words):
        if len(words) != 2:
            raise Failed(f"iseq: {len(words)} arguments")
        if words[0] != words[1]:
            raise Failed("different")

    def do_isset(self, words):
        if len(words) != 1:
            raise Failed(f"isset: {len(words)} arguments")
        if not words[0]:
            raise Failed("empty")

    def do_goto(self, words):
        for index, line in enumerate(self.lines):
            line = line.strip()
            if line.startswith(":") and line[1:].split(maxsplit=1)[:1] == words[:1]:
                self.at, self.jumped = index, True
                return
        raise Failed(f"goto: no label {words}")

    def do_sleep(self, words):
        self.sleep(int(words[0]))

    def do_prompt(self, words):
        options, _ = self.options(words, "--key", "--timeout")
        self.sleep(int(options.get("--timeout", 3_600_000)) / 1000)
        raise Failed("nobody pressed a key")

    def do_shell(self, _):
        raise Exited("a shell, and nobody is there")

    def do_exit(self, _):
        raise Exited("exit")

    def do_dhcp(self, _):
        if self.ask_dhcp is None:
            raise Failed("dhcp: nobody answers")
        self.settings.update(self.ask_dhcp())

    def do_autoboot(self, _):
        raise Exited("autoboot")

    def do_nothing(self, _):
        return

    # What Debian's iPXE has and a simulated machine need not do. The processor has the 64-bit mode.
    do_cpuid = do_ifopen = do_ifstat = do_ifclose = do_sync = do_show = do_config = do_nothing

    # Images

    def load(self, words):
        options, rest = self.options(words, "--name", "--timeout")
        if not rest:
            raise Failed("no URL")
        stall = int(options["--timeout"]) / 1000 if "--timeout" in options else None
        data = self.fetch(rest[0], stall)
        name = options.get("--name") or urllib.parse.urlsplit(rest[0]).path.rsplit("/", 1)[-1]
        image = Image(name, rest[0], data, rest[1:])
        self.images.append(image)
        return image

    def do_imgfetch(self, words):
        self.load(words)

    do_initrd = do_module = do_imgfetch

    def do_kernel(self, words):
        self.kernel = self.load(words)

    do_imgselect = do_imgload = do_kernel

    def do_imgargs(self, words):
        found = [image for image in self.images if image.name == words[0]]
        if not found:
            raise Failed(f"imgargs: no image {words[0]}")
        found[0].arguments = words[1:]

    def do_imgfree(self, words):
        if not words:
            self.images = []
            return
        if not any(image.name == words[0] for image in self.images):
            raise Failed(f"imgfree: no image {words[0]}")
        self.images = [image for image in self.images if image.name != words[0]]

    def do_imgstat(self, _):
        return

    def do_chain(self, words):
        options, rest = self.options(words, "--name", "--timeout")
        image = self.load(words)
        self.images.remove(image)
        text = image.data if isinstance(image.data, str) else bytes(image.data).decode(errors="replace")
        if not text.startswith("#!ipxe"):
            raise Failed("chain: not an executable image: " + rest[0])
        if "--replace" not in options:
            raise Failed("chain without --replace is not simulated")
        self.next_text = text

    def do_boot(self, words):
        if words:
            self.kernel = self.load(words)
        if not any(image is getattr(self, "kernel", None) for image in self.images):
            raise Failed("boot: no kernel")
        raise Booted(self.images)

    do_imgexec = do_boot
