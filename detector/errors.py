"""The whole exception tree of reconwatch.

    ReconwatchError                 exit  retriable
    ├── ConfigError                   2   no    a setting, an option or the environment is wrong
    ├── DataError                     3   no    a data file or stream cannot be used
    │   ├── DecodeError               3   no    one record cannot be read
    │   ├── SchemaMismatch            3   no    channels differ from those the detector was trained on
    │   └── TooManyDeadLetters       12   no    most of what comes cannot be read
    ├── BundleError                   4   no    a bundle is missing, damaged or of another version
    ├── TrainingDiverged              5   no    the loss became NaN or infinite
    ├── GateRejected                  6   no    a trained detector failed its self-test or comparison
    ├── SourceLost                    7   yes   the source cannot be read any more
    ├── SinkUnavailable               8   yes   an output cannot be written
    │   └── TransactionAborted        8   yes   results were taken back, their records come again
    ├── RegistryUnavailable           9   yes   the registry of detectors cannot be reached or is damaged
    ├── RetrainIncomplete            10   no    some candidates of a retrain failed, the others are done
    └── Stalled                      13   yes   the loop hung, or could commit nothing for too long

Every message is one sentence (or two) that says what is wrong, where, and what to do. Exit code 1 is a
defect of reconwatch itself, 0 is success, 130 an interruption from the keyboard.
"""


class ReconwatchError(Exception):
    """Base of every error that reconwatch raises on purpose."""

    exit_code = 1
    retriable = False


class ConfigError(ReconwatchError):
    """A setting, an option or the environment is wrong."""

    exit_code = 2


class DataError(ReconwatchError):
    """A data file or stream cannot be used."""

    exit_code = 3


class DecodeError(DataError):
    """One record cannot be read."""


class SchemaMismatch(DataError):
    """The channels differ from those that the detector was trained on."""


class TooManyDeadLetters(DataError):
    """Most of what comes cannot be read: a wrong decoder or a wrong topic."""

    exit_code = 12


class BundleError(ReconwatchError):
    """A bundle is missing, damaged, tampered with or of another version."""

    exit_code = 4


class TrainingDiverged(ReconwatchError):
    """The training loss became NaN or infinite."""

    exit_code = 5


class GateRejected(ReconwatchError):
    """A trained detector failed its self-test or its comparison with the champion."""

    exit_code = 6


class SourceLost(ReconwatchError):
    """The source cannot be read any more."""

    exit_code = 7
    retriable = True


class SinkUnavailable(ReconwatchError):
    """An output cannot be written."""

    exit_code = 8
    retriable = True


class TransactionAborted(SinkUnavailable):
    """Results were taken back, or nobody knows: their records are to be read again."""


class RegistryUnavailable(ReconwatchError):
    """The registry of detectors cannot be reached or is damaged."""

    exit_code = 9
    retriable = True


class RetrainIncomplete(ReconwatchError):
    """Some candidates of a retrain or bake-off failed; the others are trained and logged."""

    exit_code = 10


class Stalled(ReconwatchError):
    """The loop hung, or could commit nothing for too long; told by the watchdog, which ends the process."""

    exit_code = 13
    retriable = True
