"""`classifies`: predicts the probabilities of classes.

`classify(inputs)`: inputs (N, …) as the source gives them → probabilities (N, classes).

`rockfall classify RUN PICTURE` predicts those of any picture. A finished run has the measurements
`test accuracy` and `train accuracy`, and leaves the matrix `confusion`; of pictures also
`mistakes`, the most confident, and `saliency`, by occlusion.
"""
