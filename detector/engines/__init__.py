"""What runs a network: ONNX Runtime or torch."""

import os

# Read by onnxruntime when it is imported: from 1.29 on it reports its models to its makers unless told not to.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
