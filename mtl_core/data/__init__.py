"""Data: what a data set is, where it comes from, and how it becomes arrays. Importing this registers every source."""

from mtl_core.data import bundled as bundled
from mtl_core.data import bundled_people as bundled_people
from mtl_core.data import bundled_traffic as bundled_traffic
from mtl_core.data import synthetic as synthetic
from mtl_core.data import synthetic_funnel as synthetic_funnel
from mtl_core.data import synthetic_images as synthetic_images
from mtl_core.data import synthetic_reviews as synthetic_reviews
from mtl_core.data import synthetic_tasks as synthetic_tasks
from mtl_core.data import table as table
