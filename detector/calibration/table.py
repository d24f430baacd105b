"""The ways to find the limit, told apart by ``kind``."""

from typing import Annotated

from pydantic import Field

from detector.calibration.block_max import BlockMaxCalibration
from detector.calibration.pot import PotCalibration
from detector.calibration.quantile import QuantileCalibration
from detector.calibration.robust_z import RobustZCalibration

CalibrationConfig = Annotated[
    PotCalibration | BlockMaxCalibration | QuantileCalibration | RobustZCalibration, Field(discriminator="kind")
]

DEFAULT = PotCalibration()
