"""What all tests need: signals as a terminal leaves them, also under nohup or behind `&`, which have some ignored."""

import signal


def pytest_configure() -> None:
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
