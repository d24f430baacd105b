"""Detectors in MLflow."""

import os

# Read by mlflow when it is imported: nothing is reported to anybody, nothing pickled is ever loaded, standard output
# belongs to the command, a dead server is not asked again for minutes.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")  # of retrains; daemons have a shorter one of their own
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
