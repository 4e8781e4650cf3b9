/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * av_api.h: FFmpeg, loaded when it is first needed. Its libraries bring some 160 others along; linking them costs 35 ms of
 * CPU at every start of the program, and a server that never touches a stranger's film would carry them for nothing.
 * So they are opened at run time, and the names below lead through a table. Everything that calls FFmpeg includes this
 * header, and av_load has succeeded before the first call. */
#ifndef CODEC_AV_API_H
#define CODEC_AV_API_H

#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavformat/avformat.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

#include "base/err.h"

struct av_api {
#define AV_FUNCTION(library, name) __typeof__(name) *name##_;
#include "media/codec/av_api.tbl.h"
#undef AV_FUNCTION
};
extern struct av_api av_api;

/* Any thread; the first call does the work. Errors: ERR_BUG "codec.missing". */
MUST_USE struct err av_load(void);

#ifndef CODEC_AV_API_PLAIN
#define av_audio_fifo_alloc av_api.av_audio_fifo_alloc_
#define av_audio_fifo_free av_api.av_audio_fifo_free_
#define av_audio_fifo_read av_api.av_audio_fifo_read_
#define av_audio_fifo_size av_api.av_audio_fifo_size_
#define av_audio_fifo_write av_api.av_audio_fifo_write_
#define av_buffer_alloc av_api.av_buffer_alloc_
#define av_buffer_unref av_api.av_buffer_unref_
#define av_channel_layout_copy av_api.av_channel_layout_copy_
#define av_channel_layout_default av_api.av_channel_layout_default_
#define av_channel_layout_uninit av_api.av_channel_layout_uninit_
#define av_compare_ts av_api.av_compare_ts_
#define av_dict_free av_api.av_dict_free_
#define av_dict_get av_api.av_dict_get_
#define av_dict_set av_api.av_dict_set_
#define av_display_rotation_get av_api.av_display_rotation_get_
#define av_frame_alloc av_api.av_frame_alloc_
#define av_frame_free av_api.av_frame_free_
#define av_frame_get_buffer av_api.av_frame_get_buffer_
#define av_frame_make_writable av_api.av_frame_make_writable_
#define av_frame_ref av_api.av_frame_ref_
#define av_frame_unref av_api.av_frame_unref_
#define av_free av_api.av_free_
#define av_freep av_api.av_freep_
#define av_log_set_level av_api.av_log_set_level_
#define av_malloc av_api.av_malloc_
#define av_mallocz av_api.av_mallocz_
#define av_opt_set av_api.av_opt_set_
#define av_pix_fmt_desc_get av_api.av_pix_fmt_desc_get_
#define av_rescale av_api.av_rescale_
#define av_rescale_q av_api.av_rescale_q_
#define av_rescale_rnd av_api.av_rescale_rnd_
#define av_samples_alloc_array_and_samples av_api.av_samples_alloc_array_and_samples_
#define av_samples_set_silence av_api.av_samples_set_silence_
#define av_strdup av_api.av_strdup_
#define swr_alloc_set_opts2 av_api.swr_alloc_set_opts2_
#define swr_convert av_api.swr_convert_
#define swr_free av_api.swr_free_
#define swr_get_delay av_api.swr_get_delay_
#define swr_init av_api.swr_init_
#define av_get_audio_frame_duration2 av_api.av_get_audio_frame_duration2_
#define av_new_packet av_api.av_new_packet_
#define av_packet_alloc av_api.av_packet_alloc_
#define av_packet_free av_api.av_packet_free_
#define av_packet_get_side_data av_api.av_packet_get_side_data_
#define av_parser_close av_api.av_parser_close_
#define av_parser_init av_api.av_parser_init_
#define av_parser_parse2 av_api.av_parser_parse2_
#define av_packet_rescale_ts av_api.av_packet_rescale_ts_
#define av_packet_unref av_api.av_packet_unref_
#define avcodec_alloc_context3 av_api.avcodec_alloc_context3_
#define avcodec_find_decoder av_api.avcodec_find_decoder_
#define avcodec_find_encoder av_api.avcodec_find_encoder_
#define avcodec_find_encoder_by_name av_api.avcodec_find_encoder_by_name_
#define avcodec_flush_buffers av_api.avcodec_flush_buffers_
#define avcodec_free_context av_api.avcodec_free_context_
#define avcodec_get_name av_api.avcodec_get_name_
#define avcodec_open2 av_api.avcodec_open2_
#define avcodec_parameters_from_context av_api.avcodec_parameters_from_context_
#define avcodec_parameters_to_context av_api.avcodec_parameters_to_context_
#define avcodec_receive_frame av_api.avcodec_receive_frame_
#define avcodec_receive_packet av_api.avcodec_receive_packet_
#define avcodec_send_frame av_api.avcodec_send_frame_
#define avcodec_send_packet av_api.avcodec_send_packet_
#define av_guess_sample_aspect_ratio av_api.av_guess_sample_aspect_ratio_
#define av_interleaved_write_frame av_api.av_interleaved_write_frame_
#define av_read_frame av_api.av_read_frame_
#define av_stream_get_side_data av_api.av_stream_get_side_data_
#define av_write_trailer av_api.av_write_trailer_
#define avformat_alloc_context av_api.avformat_alloc_context_
#define avformat_alloc_output_context2 av_api.avformat_alloc_output_context2_
#define avformat_close_input av_api.avformat_close_input_
#define avformat_find_stream_info av_api.avformat_find_stream_info_
#define avformat_free_context av_api.avformat_free_context_
#define avformat_new_stream av_api.avformat_new_stream_
#define avformat_open_input av_api.avformat_open_input_
#define avformat_write_header av_api.avformat_write_header_
#define avio_alloc_context av_api.avio_alloc_context_
#define avio_context_free av_api.avio_context_free_
#define avio_feof av_api.avio_feof_
#define avio_flush av_api.avio_flush_
#define sws_freeContext av_api.sws_freeContext_
#define sws_getCoefficients av_api.sws_getCoefficients_
#define sws_getContext av_api.sws_getContext_
#define sws_scale av_api.sws_scale_
#define sws_setColorspaceDetails av_api.sws_setColorspaceDetails_
#define av_buffersink_get_frame av_api.av_buffersink_get_frame_
#define av_buffersrc_add_frame_flags av_api.av_buffersrc_add_frame_flags_
#define avfilter_get_by_name av_api.avfilter_get_by_name_
#define avfilter_graph_alloc av_api.avfilter_graph_alloc_
#define avfilter_graph_config av_api.avfilter_graph_config_
#define avfilter_graph_create_filter av_api.avfilter_graph_create_filter_
#define avfilter_graph_free av_api.avfilter_graph_free_
#define avfilter_graph_parse_ptr av_api.avfilter_graph_parse_ptr_
#define avfilter_inout_alloc av_api.avfilter_inout_alloc_
#define avfilter_inout_free av_api.avfilter_inout_free_
#endif

#endif
